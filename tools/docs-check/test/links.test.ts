import { existsSync, readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readRepository, REPOSITORY } from '../src/repository.ts'

const PAGES = [
  'README.md',
  'deploy/kubernetes/README.md',
  ...readdirSync(new URL('docs/', REPOSITORY), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !file.startsWith('reference/api'))
    .map((file) => `docs/${file}`),
]

/** The text of a page without what is only shown. */
function proseOf(page: string): string {
  return readRepository(page).replaceAll(/^( *)```[^]*?^\1```$/gm, '')
}

/** How the heads of a page are linked to. */
function anchorsOf(page: string): string[] {
  return [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, head = '']) =>
    head
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

it.each(PAGES)('every link of %s leads somewhere', (page) => {
  const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
  const broken = links
    .filter((link) => !/^https?:/.test(link))
    .filter((link) => {
      const target = new URL(link, new URL(page, REPOSITORY))
      const path = target.pathname.slice(REPOSITORY.pathname.length)
      if (!existsSync(new URL(path, REPOSITORY))) return true
      return target.hash !== '' && !anchorsOf(path).includes(decodeURIComponent(target.hash.slice(1)))
    })
  expect(broken).toEqual([])
})

it('every test that the guide for production cites is there', () => {
  const cited = [...readRepository('docs/production.md').matchAll(/`(\w+)(\/test\/[\w/.-]+\.test\.ts)`/g)]
  expect(cited.length).toBeGreaterThan(3)
  for (const [, name = '', file = ''] of cited)
    expect(
      ['packages', 'tools'].some((folder) => existsSync(new URL(`${folder}/${name}${file}`, REPOSITORY))),
    ).toBe(true)
})
