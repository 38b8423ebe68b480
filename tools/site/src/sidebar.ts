import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A group or link of the sidebar, as VitePress has it. */
export interface SidebarItem {
  readonly text: string
  readonly link?: string
  readonly collapsed?: boolean
  readonly items?: SidebarItem[]
}

const LEARN = [
  'README.md',
  ...['tutorial', 'production', 'high-availability', 'alerts'].map((name) => `docs/${name}.md`),
]
const REFERENCE = ['cli', 'log-events'].map((name) => `docs/reference/${name}.md`)
const DATA = ['events', 'metrics', 'tracing', 'redis-layout', 'compatibility'].map(
  (name) => `docs/${name}.md`,
)
const EXPLANATION = ['architecture', 'job-lifecycle', 'guarantees', 'stored-data', 'faults', 'performance']

/** Lists the pages in the order in which they are read. Titles are the pages' own headings. */
export function createSidebar(root: string): SidebarItem[] {
  const page = (file: string): SidebarItem => ({ text: titleOf(root, file), link: linkOf(file) })
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`)
  return [
    { text: 'Start', items: LEARN.map(page) },
    { text: 'How to', items: list(root, 'docs/how-to').map(page) },
    {
      text: 'Explanation',
      items: [
        ...EXPLANATION.map((name) => page(`docs/${name}.md`)),
        { text: 'Decisions', collapsed: true, items: list(root, 'docs/decisions').map(page) },
      ],
    },
    {
      text: 'Reference',
      items: [
        ...[...REFERENCE, ...DATA].map(page),
        { text: 'Exports of the libraries', link: '/docs/reference/api/' },
        {
          text: 'Packages',
          collapsed: true,
          items: packages.filter((file) => existsSync(join(root, file))).map(page),
        },
      ],
    },
  ]
}

function list(root: string, folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .toSorted()
    .map((name) => `${folder}/${name}`)
}

function titleOf(root: string, file: string): string {
  const heading = /^# (.+)$/mu.exec(readFileSync(join(root, file), 'utf8'))?.[1]
  if (heading === undefined) throw new Error(`${file} has no heading`)
  return heading.replaceAll('`', '')
}

function linkOf(file: string): string {
  return `/${file.replace(/(?:README)?\.md$/u, '')}`
}
