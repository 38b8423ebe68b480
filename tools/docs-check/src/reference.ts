// Writes the reference: docs/reference/cli.md and log-events.md and the client's types, which are kept, and
// docs/reference/api from comments, which is not. A comment that refers to nothing, or an export without one, ends it with code 1.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Application, ArgumentsReader, TypeDocReader } from 'typedoc'
import { clientTypes } from './client-types.ts'
import { cliReference } from './cli-reference.ts'
import { logEventsPage } from './log-events.ts'
import { CLIENT_TYPES, REPOSITORY } from './repository.ts'

writeFileSync(new URL('docs/reference/cli.md', REPOSITORY), cliReference())
writeFileSync(new URL('docs/reference/log-events.md', REPOSITORY), logEventsPage())
writeFileSync(new URL(CLIENT_TYPES, REPOSITORY), await clientTypes())

const options = fileURLToPath(new URL('../typedoc.json', import.meta.url))
const app = await Application.bootstrapWithPlugins({ options }, [
  new TypeDocReader(),
  new ArgumentsReader(300),
])
const project = await app.convert()
if (project !== undefined) {
  app.validate(project)
  await app.generateOutputs(project)
}
process.exitCode = project === undefined || app.logger.hasErrors() || app.logger.hasWarnings() ? 1 : 0
