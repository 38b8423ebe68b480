import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { REPOSITORY } from '../../../src/repository.ts'
import { nameOf, type Manifest } from './manifests.ts'

/** Where the models of objects that are not Kubernetes' own come from, by their API group. */
const PACKAGES: Readonly<Record<string, string>> = {
  'keda.sh': '@kubernetes-models/keda/',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator/',
}

const OPTIONS: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.NodeNext,
  types: [],
}

/** A model validates by the published schema. */
type Model = new (data: Manifest) => { validate(): void }

function modelOf({ apiVersion, kind }: Manifest) {
  const [group = ''] = apiVersion.split('/')
  return `${PACKAGES[group] ?? 'kubernetes-models/'}${apiVersion}/${kind}`
}

/** Returns where objects differ from the published schemas: values, and members that the API server would drop. */
export async function findSchemaFaults(manifests: readonly Manifest[]): Promise<string[]> {
  return [...(await findWrongValues(manifests)), ...findUnknownMembers(manifests)]
}

async function findWrongValues(manifests: readonly Manifest[]) {
  const faults: string[] = []
  for (const manifest of manifests) {
    const { [manifest.kind]: Validated } = (await import(modelOf(manifest))) as Record<string, Model>
    try {
      if (Validated === undefined) throw new Error('no such kind')
      new Validated(manifest).validate()
    } catch (error) {
      faults.push(`${nameOf(manifest)}: ${String(error)}`)
    }
  }
  return faults
}

/** The schemas allow members that they do not list. The types that belong to them, checked by the compiler, do not. */
function findUnknownMembers(manifests: readonly Manifest[]) {
  const path = fileURLToPath(new URL('tools/docs-check/test/manifests.ts', REPOSITORY))
  const lines = manifests.map((manifest, index) => {
    const type = `import('${modelOf(manifest)}').I${manifest.kind}`
    return `export const _${index}: ${type} = ${JSON.stringify(manifest)}`
  })
  const host = ts.createCompilerHost(OPTIONS)
  const read = host.getSourceFile
  host.getSourceFile = (file, ...rest) =>
    file === path ? ts.createSourceFile(file, lines.join('\n'), ts.ScriptTarget.ESNext) : read(file, ...rest)
  return ts
    .getPreEmitDiagnostics(ts.createProgram([path], OPTIONS, host))
    .map(({ file, start, messageText }) => {
      const manifest = manifests[file?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0]
      return `${manifest && nameOf(manifest)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    })
}
