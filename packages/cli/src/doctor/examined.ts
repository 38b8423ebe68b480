import { explain } from '../command.ts'
import { diagnose, problem, type Diagnosis } from './diagnosis.ts'

/** Examines something; a server that refuses to be asked, or is away meanwhile, is a finding. */
export async function examined(id: string, examine: () => Promise<Diagnosis[]>): Promise<Diagnosis[]> {
  try {
    return await examine()
  } catch (error) {
    const reason = explain(error)
    if (reason === undefined) throw error
    const advice = 'Check that it runs, and check URL, password and network.'
    return [diagnose(id, problem('error', reason, advice))]
  }
}
