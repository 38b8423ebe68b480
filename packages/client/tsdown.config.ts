import { libraryConfig } from '@titan/packaging/build'

export default libraryConfig({ entry: { index: 'src/index.ts' } })
