/** The same at each run, so that what is green stays so; `FUZZ_SEED` takes another one. The names of the tests show it. */
export const seed: number = Number(process.env['FUZZ_SEED'] ?? 1_966)

/** `FUZZ_RUNS` makes more runs, and as many as it says however long they take. */
const asked = process.env['FUZZ_RUNS']
const WITHIN_MS = 20_000

interface Runs {
  readonly numRuns: number
  readonly interruptAfterTimeLimit?: number
}

/** How long a fuzz test goes on. It is a bound and no assertion: a slow machine makes fewer runs. */
export const BOUNDS: { readonly test: { readonly timeout: number }; runs(fallback: number): Runs } = {
  test: { timeout: asked === undefined ? 300_000 : 24 * 3_600_000 },
  runs: (fallback) =>
    asked === undefined
      ? { numRuns: fallback, interruptAfterTimeLimit: WITHIN_MS }
      : { numRuns: Number(asked) },
}
