// Loaded by mocha: processes that tests start do not measure coverage. The same file is compiled differently there, and c8
// would add up what does not belong together.
delete process.env.NODE_V8_COVERAGE;
