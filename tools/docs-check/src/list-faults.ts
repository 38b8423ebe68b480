// Prints the tested faults, or those that contain a word: `pnpm run faults redis`.
import { readFaults } from './faults.ts'

const word = process.argv.slice(2).join(' ').toLowerCase()
for (const { id, text, files } of readFaults())
  if (`${id} ${text} ${files.join(' ')}`.toLowerCase().includes(word))
    console.log(`${id}  ${text}\n      ${files.join('\n      ')}`)
