// Loaded by mocha: a test in which this process warned of something (a leak of listeners, a negative time-out) has failed.
// What tools warn of is not ours to mend.
const ofTools = new Set(['ExperimentalWarning', 'DeprecationWarning']);
const warnings = [];
process.on('warning', (warning) => {
  if (!ofTools.has(warning.name)) warnings.push(warning.stack ?? String(warning));
});

exports.mochaHooks = {
  afterEach() {
    const seen = warnings.splice(0);
    if (seen.length > 0) throw new Error(`the process warned:\n${seen.join('\n')}`);
  },
};
