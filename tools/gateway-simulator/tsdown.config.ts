import { programConfig } from '@titan/packaging/program'

export default programConfig({ entry: { cli: 'src/cli.ts' } })
