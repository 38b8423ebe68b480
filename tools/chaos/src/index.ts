export { runChaos, type ChaosOptions, type ChaosReport, type Progress } from './chaos.ts'
