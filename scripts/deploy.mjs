// npm run deploy: sets up, builds, and hands the rest to wrangler deploy; words after -- go to wrangler.
import { join } from "node:path";
import { Stop, command, program, root } from "./steps.mjs";
import { setup } from "./setup.mjs";
import { build } from "./build.mjs";

await program(async () => {
  await setup();
  await build();
  const { code } = await command(join(root, "node_modules/.bin/wrangler"), ["deploy", ...process.argv.slice(2)], { show: true });
  if (code !== 0) throw new Stop(`wrangler deploy ended with ${code}`);
});
