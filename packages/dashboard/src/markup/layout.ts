import { html, raw } from 'hono/html'
import { pathTo } from '../paths.ts'
import type { Html } from './parts.ts'

/** Who looks at a page. */
export interface Viewer {
  readonly name: string | undefined
  readonly role: 'viewer' | 'admin' | undefined
  /** Given to admins only: what their forms must carry. */
  readonly formToken: string | undefined
  /** Whether evidence, operators, workers and raw jobs are shown. */
  readonly seesDetails: boolean
  readonly theme: 'light' | 'dark' | 'system'
}

/** What every page shows around its content. */
export interface Frame {
  readonly viewer: Viewer
  readonly assetsPath: string
  /** The map of module names; it is inline, so it may not differ by a byte from what the policy allows. */
  readonly importMap: string
  /** Counts of what waits for a person, by the path of its page. */
  readonly badges: Readonly<Record<string, string | undefined>>
  readonly notice: string | undefined
}

/** Pages for those who see details. */
const DETAIL_PAGES: ReadonlySet<string> = new Set(['reviews', 'dead-letters', 'workers', 'audit'])

const PAGES = [
  ['', 'Overview'],
  ['payments', 'Payments'],
  ['reviews', 'Reviews'],
  ['dead-letters', 'Dead letters'],
  ['workers', 'Workers'],
  ['audit', 'Audit'],
] as const

/** A path of a page in the navigation. */
export type Section = (typeof PAGES)[number][0] | 'sign-in'

/** Renders a whole page. Parts with `data-live` and an id refresh themselves. */
export function layout(
  frame: Frame,
  page: {
    readonly section: Section
    readonly title: string
    readonly content: Html
    readonly isLive?: boolean
  },
): Html {
  const { viewer, assetsPath, importMap } = frame
  const { section, title, content, isLive = true } = page
  const refreshes = isLive ? 'on' : 'off'
  return html`<!doctype html>
    <html lang="en" data-theme="${viewer.theme}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Titan Queue</title>
        <link rel="icon" href="${assetsPath}/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="${assetsPath}/uplot.css" />
        <link rel="stylesheet" href="${assetsPath}/style.css" />
        ${raw(`<script type="importmap">${importMap}</script>`)}
        <script type="module" src="${assetsPath}/page.js"></script>
      </head>
      <body data-refresh="${refreshes}">
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <a class="brand" href="${pathTo()}"><span class="mark" aria-hidden="true"></span>Titan Queue</a>
          <div class="top-end">
            ${isLive ? html`<span id="connection" class="connection" data-state="connecting" role="status">Connecting</span>` : ''}
            <button
              class="button quiet"
              type="button"
              data-theme-switch
              aria-label="Switch between light, dark and the system’s colours"
            >
              <span data-theme-name>Theme</span>
            </button>
            ${account(viewer)}
          </div>
        </header>
        <nav id="sections" class="sections" aria-label="Pages" data-live>
          <ul>
            ${PAGES.filter(([path]) => viewer.seesDetails || !DETAIL_PAGES.has(path)).map(
              ([path, name]) =>
                html`<li>
                  <a href="${pathTo(path === '' ? [] : [path])}" ${current(path === section)}
                    >${name}${badge(frame.badges[path])}</a
                  >
                </li>`,
            )}
          </ul>
        </nav>
        <main id="main" tabindex="-1">
          <noscript
            ><p class="notice">
              Without JavaScript this page shows no charts and does not refresh; everything else works.
            </p></noscript
          >
          ${frame.notice === undefined ? '' : html`<p class="notice notice-done" role="status" data-notice>${frame.notice}</p>`}
          ${content}
        </main>
      </body>
    </html>`
}

function current(isCurrent: boolean): Html | string {
  return isCurrent ? html`aria-current="page"` : ''
}

function badge(text: string | undefined): Html | string {
  return text === undefined ? '' : html`<span class="badge">${text}</span>`
}

function account({ name, role }: Viewer): Html {
  if (role === undefined) return html`<a class="button" href="${pathTo(['sign-in'])}">Sign in</a>`
  return html`<form method="post" action="${pathTo(['sign-out'])}" class="inline account">
    <span class="who"><span class="who-name">${name}</span><span class="muted"> ${role}</span></span>
    <button class="button quiet">Sign out</button>
  </form>`
}
