// The search: how often shoppers' questions find the passage that answers, and how many of them one thread answers in a second.
import { must } from "../scripts/steps.mjs";

export default async function knowledge() {
  await must("cargo", ["run", "--release", "--locked", "--quiet", "--example", "knowledge"], { show: true });
}
