/** Where the dashboard is mounted. Its links and its cookie are made for this path. */
export const DASHBOARD_PATH = '/dashboard'

/** A path of the dashboard with a query; members that are undefined or '' are left out. */
export function pathTo(
  segments: readonly string[] = [],
  query: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  // Text from a job may hold half a character, which no URL can.
  const path = [
    DASHBOARD_PATH,
    ...segments.map((segment) => encodeURIComponent(segment.toWellFormed())),
  ].join('/')
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`
}
