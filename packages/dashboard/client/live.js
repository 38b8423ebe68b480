import { Idiomorph } from 'idiomorph'

const INTERVAL_MS = 2_000
const TIMEOUT_MS = 8_000
const MAX_BACKOFF_MS = 30_000

const WORDS = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting', paused: 'Paused' }

/**
 * Refreshes the parts of the page that have `data-live`: it loads the page again and moves the difference into place, so
 * that focus, selection and scrolling stay. Nothing is loaded while the tab is hidden.
 */
export function startLive() {
  const state = document.querySelector('#connection')
  if (document.body.dataset.refresh !== 'on' || state === null) return
  let failures = 0
  /** @type {number | undefined} */
  let timer

  /** @param {keyof typeof WORDS} name */
  const show = (name) => {
    state.setAttribute('data-state', name)
    // Only what changes is read out.
    if (state.textContent !== WORDS[name]) state.textContent = WORDS[name]
  }

  const refresh = async () => {
    try {
      const response = await fetch(location.href, { signal: AbortSignal.timeout(TIMEOUT_MS) })
      // The session has ended, or what is shown is gone: the server says which.
      if (response.status === 401 || response.status === 404) return location.reload()
      if (!response.ok) throw new Error(`HTTP ${response.status}`)
      replace(await response.text())
      failures = 0
      show('live')
    } catch {
      failures += 1
      show('reconnecting')
    }
    schedule()
  }

  const schedule = () => {
    clearTimeout(timer)
    if (document.hidden) return show('paused')
    timer = setTimeout(refresh, Math.min(MAX_BACKOFF_MS, INTERVAL_MS * 2 ** failures))
  }

  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer)
    if (document.hidden) show('paused')
    else void refresh()
  })
  globalThis.addEventListener('online', () => void refresh())
  show('live')
  schedule()
}

/** @param {string} text the page as it is now */
function replace(text) {
  const fresh = new DOMParser().parseFromString(text, 'text/html')
  for (const part of document.querySelectorAll('[data-live]')) {
    const update = fresh.getElementById(part.id)
    if (update === null) continue
    void Idiomorph.morph(part, update, { ignoreActiveValue: true })
  }
}
