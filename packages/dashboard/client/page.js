import { startCharts } from './charts.js'
import { startLive } from './live.js'
import { startTheme } from './theme.js'

startTheme()
// On a phone the pages are in a row that is longer than the screen.
document.querySelector('.sections [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
startLive()
startCharts()

// The words of an act that is done are not to come back when the page is loaded again.
const here = new URL(location.href)
if (here.searchParams.has('done')) {
  here.searchParams.delete('done')
  history.replaceState(null, '', here)
}
