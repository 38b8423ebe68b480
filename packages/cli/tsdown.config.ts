import { programConfig } from '@titan/packaging/program'

export default programConfig({
  entry: { cli: 'src/cli.ts' },
  constants: ['../queue-core/src/redis/lua.ts'],
  assets: [
    'packages/cli/package.json',
    'packages/cli/lua/*.lua',
    'packages/*/statements/*.sql',
    'sql/**/*.{sql,jsonl}',
  ],
  // Loaded only by `titan payments lookup`.
  dependencies: ['stripe'],
})
