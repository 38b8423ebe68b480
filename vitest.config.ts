import { defineConfig, type ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tools/*/test/**/*.test.ts', 'examples/**/*.test.ts'],
    globalSetup: ['tools/testkit/src/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // A busy machine takes longer than the second of vitest.
    expect: { poll: { timeout: 20_000 } },
    maxWorkers: 3,
  },
})

export default config
