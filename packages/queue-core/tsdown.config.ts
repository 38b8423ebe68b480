import { libraryConfig } from '@titan/packaging/build'

export default libraryConfig({
  entry: {
    index: 'src/index.ts',
    async: 'src/async/index.ts',
    testing: 'src/testing.ts',
    'text-of': 'src/model/text-of.ts',
  },
  constants: ['src/redis/lua.ts'],
})
