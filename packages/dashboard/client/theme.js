const THEMES = ['system', 'light', 'dark']
const NAMES = { system: 'Auto', light: 'Light', dark: 'Dark' }
const YEAR_S = 31_536_000

/** Lets people choose their colours. The choice is in a cookie, so that the server sends the page in them at once. */
export function startTheme() {
  const root = document.documentElement
  const button = document.querySelector('[data-theme-switch]')
  const name = document.querySelector('[data-theme-name]')
  if (button === null || name === null) return

  const current = () => /** @type {keyof typeof NAMES} */ (root.dataset.theme ?? 'system')
  const show = () => {
    name.textContent = NAMES[current()]
    document.dispatchEvent(new CustomEvent('themechange'))
  }
  button.addEventListener('click', () => {
    const next = THEMES[(THEMES.indexOf(current()) + 1) % THEMES.length] ?? 'system'
    root.dataset.theme = next
    document.cookie = `titan_theme=${next}; path=/dashboard; max-age=${YEAR_S}; samesite=strict`
    show()
  })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show)
  show()
}
