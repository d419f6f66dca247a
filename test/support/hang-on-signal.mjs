// Imported into a node by a test (NODE_OPTIONS=--import): SIGUSR2 then hangs its main thread for good.
process.on('SIGUSR2', () => {
  for (;;);
});
