import { html, raw } from 'hono/html'
import { pathTo } from '../web/paths.ts'
import type { Html } from './parts.ts'

/** Who looks at a page. */
export interface Viewer {
  readonly name: string | undefined
  readonly role: 'viewer' | 'merchant' | 'admin' | undefined
  /** Given to those who may act: what their forms must carry. */
  readonly formToken: string | undefined
  /** The account other than `default` that is all that is shown. */
  readonly tenant: string | undefined
  /** Whether keys of clients, references and ids of gateways are shown. */
  readonly seesDetails: boolean
  /** Whether URLs of webhook endpoints are shown whole. */
  readonly seesUrls: boolean
  /** Whether evidence, operators, workers and raw jobs are shown. */
  readonly seesEvidence: boolean
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

/** A page without the frame around it. */
export interface Page {
  readonly section: (typeof SECTIONS)[number]['path'] | 'sign-in'
  readonly title: string
  readonly content: Html
  /** Parts with `data-live` and an id refresh themselves. @default true */
  readonly isLive?: boolean
}

const SECTIONS = [
  { path: '', name: 'Overview', isDetail: false },
  { path: 'payments', name: 'Payments', isDetail: false },
  { path: 'refunds', name: 'Refunds', isDetail: false },
  { path: 'reviews', name: 'Reviews', isDetail: true },
  { path: 'dead-letters', name: 'Dead letters', isDetail: true },
  { path: 'workers', name: 'Workers', isDetail: true },
  { path: 'audit', name: 'Audit', isDetail: true },
] as const

/** Renders a whole page. */
export function layout(frame: Frame, { section, title, content, isLive = true }: Page): Html {
  const { viewer, assetsPath, importMap, notice } = frame
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
      <body data-refresh="${isLive ? 'on' : 'off'}">
        <a class="skip button primary" href="#main">Skip to the content</a>
        <header class="top">
          <a class="brand" href="${pathTo()}">
            <img src="${assetsPath}/icon.svg" width="24" height="24" alt="" />Titan Queue
          </a>
          <div class="top-end">
            ${
              isLive &&
              html`<span id="connection" class="chip" data-state="connecting" role="status">Connecting</span>`
            }
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
            ${navigation(frame, section)}
          </ul>
        </nav>
        <main id="main" tabindex="-1">
          <noscript>
            <p class="notice" data-tone="grey">
              Without JavaScript this page shows no charts and does not refresh; everything else works.
            </p>
          </noscript>
          ${notice !== undefined && html`<p class="notice" data-tone="green" role="status">${notice}</p>`}
          ${content}
        </main>
      </body>
    </html>`
}

function navigation({ viewer, badges }: Frame, section: Page['section']): Html[] {
  return SECTIONS.filter(({ isDetail }) => viewer.seesEvidence || !isDetail).map(({ path, name }) => {
    const badge = badges[path]
    const current = path === section && html` aria-current="page"`
    return html`<li>
      <a href="${pathTo(path === '' ? [] : [path])}" ${current}>
        ${name}${badge !== undefined && html`<span class="chip" data-tone="amber">${badge}</span>`}
      </a>
    </li>`
  })
}

function account({ name, role, tenant }: Viewer): Html {
  if (role === undefined) return html`<a class="button" href="${pathTo(['sign-in'])}">Sign in</a>`
  return html`<form method="post" action="${pathTo(['sign-out'])}" class="inline account">
    <span class="who"><span class="clip">${name}</span><span class="muted"> ${tenant ?? role}</span></span>
    <button class="button quiet">Sign out</button>
  </form>`
}
