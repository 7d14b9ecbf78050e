// Rust's wasm32-unknown-unknown target: from rustup where it can be reached, else built from Debian's rust-src.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, copyFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Stop, command, must, step } from "../steps.mjs";

const target = "wasm32-unknown-unknown";

export async function wasmTarget() {
  const sysroot = (await must("rustc", ["--print", "sysroot"])).trim();
  const folder = join(sysroot, "lib/rustlib", target, "lib");
  if (existsSync(folder) && readdirSync(folder).some((f) => f.startsWith("libstd-"))) return;
  const added = await step(`adding Rust's ${target} target with rustup`, () =>
    command("rustup", ["target", "add", target], { timeout: 180_000, env: { RUSTUP_MAX_RETRIES: "0" } }),
  );
  if (added.code === 0) return;
  console.log("  rustup could not reach its downloads; building the target from Debian's rust-src instead");
  await step(`building the ${target} standard library from rust-src`, () => fromDebian(folder));
}

async function fromDebian(folder) {
  const mend = `add it yourself with: rustup target add ${target}`;
  const version = (await must("rustc", ["--version"])).split(" ")[1];
  const sites = await command("apt-get", ["indextargets", "--format", "$(SITE)"]);
  const site = sites.output.split("\n").find((line) => line.includes("://") && !line.includes("security"));
  if (sites.code !== 0 || !site) throw new Stop(`no ${target} target, and no Debian mirror to build it from; ${mend}`);

  const work = mkdtempSync(join(tmpdir(), "rust-src-"));
  try {
    for (const d of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(work, d), { recursive: true });
    const suites = ["trixie-backports", "testing", "sid", "trixie", "bookworm-backports"];
    const options = [
      `Dir::Etc::sourcelist=${work}/sources.list`,
      "Dir::Etc::sourceparts=-",
      `Dir::State::lists=${work}/lists`,
      `Dir::Cache=${work}/cache`,
      "Acquire::Languages=none",
      "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
    ].flatMap((o) => ["-o", o]);
    let wanted;
    for (const suite of suites) {
      // Debian's archive signs its suites; the keyring of the machine itself is used to check them.
      writeFileSync(join(work, "sources.list"), `deb ${site} ${suite} main\n`);
      await command("apt-get", [...options, "update"]);
      const listed = await command("apt-cache", [...options, "madison", "rust-src"]);
      wanted = listed.output.split("\n").map((l) => l.split("|")[1]?.trim()).find((v) => v?.startsWith(`${version}+`));
      if (wanted) break;
    }
    if (!wanted) throw new Stop(`Debian has no rust-src of rustc ${version}; ${mend}`);
    await must("apt-get", [...options, "download", `rust-src=${wanted}`], { cwd: work });
    const deb = readdirSync(work).find((f) => f.endsWith(".deb"));
    await must("dpkg-deb", ["-x", join(work, deb), join(work, "src")]);
    const library = join(work, "src/usr/src", readdirSync(join(work, "src/usr/src"))[0], "library/sysroot");
    await must("cargo", ["build", "--release", "--locked", "--target", target], {
      cwd: library,
      env: { RUSTC_BOOTSTRAP: "1", CARGO_TARGET_DIR: join(work, "target") },
    });
    // Two copies of std in this folder break every build, so it is replaced whole.
    const fresh = `${folder}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    const built = join(work, "target", target, "release/deps");
    for (const f of readdirSync(built).filter((f) => f.endsWith(".rlib"))) copyFileSync(join(built, f), join(fresh, f));
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
