import { programConfig, typesConfig } from '@titan/packaging/program'

const program = programConfig({
  entry: { cli: 'src/cli.ts' },
  constants: ['../queue-core/src/redis/lua.ts'],
  assets: [
    'packages/cli/package.json',
    'packages/cli/lua/*.lua',
    'packages/payments/lua/*.lua',
    'packages/conformance/src/adapter-process.js',
    'packages/*/statements/*.sql',
    'sql/**/*.{sql,jsonl}',
  ],
  // Loaded only by `titan payments lookup`.
  dependencies: ['stripe', '@adyen/api-library'],
  types: ['gateway'],
})

// What adapters of payment gateways are written with.
export default [
  program,
  typesConfig({ gateway: '../conformance/src/gateway.ts' }, '../conformance/tsconfig.build.json'),
]
