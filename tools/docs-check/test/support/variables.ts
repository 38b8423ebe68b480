import { sectionsOf, type Program, type SettingsSection } from '@titan/service'
import { variablesOf } from '../../src/cli-reference.ts'

/** Returns the variables that settings are read from. */
export function variablesIn(sections: readonly SettingsSection[]): string[] {
  return sections.flatMap(({ settings }) => settings.flatMap(variablesOf))
}

/** Returns every variable that a program reads. */
export function variablesRead<Own, Shared>(program: Program<Own, Shared>): Set<string> {
  return new Set(variablesIn(sectionsOf(program)))
}
