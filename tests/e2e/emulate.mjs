// npm's emulate as Slack. Argument: the folder with node_modules; stdin: the seed, a line of JSON,
// then an address a line to which events go. stdout: where it listens, then a line for each address.
//
// emulate signs and sends events but has no way to subscribe to them, so its dispatcher is caught
// when the Slack service registers.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const dist = join(process.argv[2], "node_modules", "emulate", "dist");
const load = (name) => import(pathToFileURL(join(dist, name)));
const isSlack = (name) => /^dist-.*\.js$/.test(name) && readFileSync(join(dist, name), "utf8").includes("name: \"slack\",\n  register(");

const { slackPlugin } = await load(readdirSync(dist).find(isSlack));
const register = slackPlugin.register;
let dispatcher;
slackPlugin.register = (app, store, webhooks, ...rest) => {
  dispatcher = webhooks;
  return register.call(slackPlugin, app, store, webhooks, ...rest);
};

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { createEmulator } = await load("api.js");
const seed = JSON.parse((await lines.next()).value);
const emulator = await createEmulator({ service: "slack", port: seed.port, seed: { slack: seed } });
console.log(emulator.url);
for await (const url of lines) {
  dispatcher.register({ url, events: ["*"], active: true, owner: "slack" });
  console.log(url);
}
await emulator.close();
