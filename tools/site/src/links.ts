import { existsSync } from 'node:fs'
import { posix, resolve } from 'node:path'

/** Where files are shown that are no page of the site. */
const FILES = 'https://github.com/titan-queue/titan-queue/blob/main'

/**
 * Returns the address that a link of a page has on the site: READMEs are index pages, and what is no page is shown where
 * the repository is.
 */
export function siteLink(href: string, page: string, root: string): string {
  if (/^(?:[a-z]+:|#|\/)/u.test(href)) return href
  const [path = '', anchor = ''] = href.split(/(?=#)/u)
  const target = posix.join(posix.dirname(page), path)
  if (path.endsWith('.md') && isPage(target)) return path.replace(/README\.md$/u, 'index.md') + anchor
  const readme = posix.join(target, 'README.md')
  if (isPage(readme) && existsSync(resolve(root, readme)))
    return `${path.replace(/\/$/u, '')}/index.md${anchor}`
  return `${FILES}/${target}${anchor}`
}

/** Whether a Markdown file of the repository is a page of the site. */
export function isPage(path: string): boolean {
  return /^(?:README|CHANGELOG|CONTRIBUTING|SECURITY)\.md$|^docs\/.+\.md$|^packages\/[^/]+\/README\.md$/u.test(
    path,
  )
}
