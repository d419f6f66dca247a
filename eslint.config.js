import tseslint from 'typescript-eslint';

const time = 'Clock and random source are injected (src/lib/base/clock.ts, random.ts).';

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'test/bench/peers/'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'max-depth': ['error', 4],
      'max-lines': ['error', { max: 400 }],
      'no-constant-condition': ['error', { checkLoops: false }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
    },
  },
  {
    files: ['src/lib/**/*.ts'],
    ignores: ['src/lib/base/clock.ts', 'src/lib/base/random.ts'],
    rules: {
      'max-lines-per-function': ['error', { max: 80, skipComments: true, skipBlankLines: true }],
      'no-restricted-globals': ['error', ...['setTimeout', 'setInterval', 'performance'].map((name) => ({ name, message: time }))],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: time },
        { object: 'performance', property: 'now', message: time },
        { object: 'Math', property: 'random', message: time },
        { object: 'AbortSignal', property: 'timeout', message: time },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'scripts/**/*.mjs', 'bin/**/*.js'],
    rules: { 'no-console': 'off', '@typescript-eslint/no-unused-expressions': 'off' },
  },
);
