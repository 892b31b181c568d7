/** Picks the command line or the daemon; the daemon, and the addon with it, is loaded only if it's to run. */
import { run } from './cli/run.js';

process.exitCode = await run(process.argv.slice(2), {
  runDaemon: async (flags) => (await import('./daemon/main.js')).runDaemon(flags),
  checkConfig: async (file) => (await import('./daemon/load-config.js')).checkConfig(file),
  cleanHosts: async (file) => (await import('./daemon/hosts/leftover.js')).cleanHosts(file),
  newHash: async () => (await import('./daemon/generate.js')).newHash(),
});
