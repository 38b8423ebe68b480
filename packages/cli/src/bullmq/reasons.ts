/** Why a job, or a repeating job, stays at BullMQ, and what to do about it. */
export const REASONS = {
  active: 'A worker runs it. Run the import again when it has ended.',
  changed: 'It changed, moved on or was locked meanwhile. Run the import again.',
  end_date: 'Schedules here have no end date. Schedule it in code, and unschedule it then.',
  every_no_divisor:
    'Schedules here are cron expressions: only intervals that divide a minute, an hour or a day evenly. Schedule it in code.',
  failed: 'It used up its attempts. --failed enqueues it again with all of them.',
  flow: 'Flows have no counterpart here. Let BullMQ finish them.',
  groups: 'Groups of BullMQ Pro have no counterpart here. Let BullMQ finish them.',
  invalid_cron: 'Its pattern is not a cron expression of five or six fields. Schedule it in code.',
  invalid_data: 'Its data is not JSON.',
  invalid_id: 'Ids have 1 to 255 characters, keys of schedules 200, without control characters.',
  invalid_name: 'Names of jobs are 1 to 128 letters, digits or . : / - _',
  limit: 'Schedules here have no limit of runs. Schedule it in code.',
  missing: 'BullMQ has its id, but not the job.',
  no_template: 'Its next job is missing, and with it name and data. Schedule it in code.',
  payload_too_large: 'Its data is larger than --max-payload-bytes.',
  repeating: 'It belongs to a repeating job that stays.',
  slot_differs:
    'Its next run is no slot of its pattern in its time zone. --time-zone names the zone of patterns without one.',
  start_date: 'Its start date is in the future. Run the import again then, or schedule it in code.',
  unclear:
    'An import was interrupted longer than --dedupe-ms ago, so the job may have been moved and done. Look for it, then repeat with a larger --dedupe-ms to move it.',
} as const

export type ReasonToStay = keyof typeof REASONS
