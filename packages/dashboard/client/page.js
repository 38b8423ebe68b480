import { startCharts } from './charts.js'
import { startLive } from './live.js'
import { startTheme } from './theme.js'

startTheme()
startLive()
startCharts()

// The words of an act that is done are not to come back when the page is loaded again.
const here = new URL(location.href)
if (here.searchParams.has('done')) {
  here.searchParams.delete('done')
  history.replaceState(null, '', here)
}
