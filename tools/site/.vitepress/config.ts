import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type UserConfig } from 'vitepress'
import llmsText from 'vitepress-plugin-llms'
import { isPage, siteLink } from '../src/links.ts'
import { createSidebar } from '../src/sidebar.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const isIgnored = (path: string): boolean => /(?:^|\/)(?:node_modules|dist|\.\w+)(?:\/|$)/u.test(path)
const markdown = globSync('**/*.md', { cwd: root, exclude: isIgnored })

// Everything is in the pages: a reader, a crawler or a search asks no other host.
const config: UserConfig = defineConfig({
  title: 'Titan Queue',
  description: 'Payments that are neither lost nor charged twice, on Redis Streams and PostgreSQL',
  lang: 'en',
  srcDir: root,
  srcExclude: markdown.filter((file) => !isPage(file)),
  outDir: fileURLToPath(new URL('../dist', import.meta.url)),
  cacheDir: fileURLToPath(new URL('../node_modules/.vitepress', import.meta.url)),
  rewrites: (file) => file.replace(/README\.md$/u, 'index.md'),
  cleanUrls: true,
  lastUpdated: false,
  themeConfig: {
    nav: [
      { text: 'Tutorial', link: '/docs/tutorial' },
      { text: 'Queue', link: '/packages/queue-core/' },
      { text: 'Production', link: '/docs/production' },
    ],
    sidebar: createSidebar(root),
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/titan-queue/titan-queue' }],
  },
  markdown: {
    config: (md) => {
      md.core.ruler.push('site-links', ({ tokens, env }) => {
        const { relativePath = '' } = env as { relativePath?: string }
        const page = relativePath.replace(/index\.md$/u, 'README.md')
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.type === 'link_open' ? token.attrGet('href') : null
          if (href !== null) token.attrSet('href', siteLink(href, page, root))
        }
      })
    },
  },
  vite: {
    // The pages lie outside of the package that has it.
    resolve: { alias: { vue: dirname(fileURLToPath(import.meta.resolve('vue/package.json'))) } },
    // The search index of all pages is one file.
    build: { chunkSizeWarningLimit: 4_000 },
    // Typed for a later Vite than VitePress has.
    plugins: [llmsText({ ignoreFiles: ['docs/reference/api/**', 'CHANGELOG.md'] }) as never],
  },
})

export default config
