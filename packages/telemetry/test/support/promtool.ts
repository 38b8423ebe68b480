import { execFileSync, spawnSync } from 'node:child_process'

const binary = process.env['PROMTOOL'] ?? 'promtool'

/** Whether Prometheus' own tool is on this machine. */
export const hasPromtool: boolean = spawnSync(binary, ['--version']).error === undefined

/** Runs promtool; throws with what it says when it is not content. */
export function promtool(args: readonly string[], input = ''): string {
  return execFileSync(binary, args, { input, encoding: 'utf8' })
}
