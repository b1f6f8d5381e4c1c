

/**
 * The shapes that go around in the page. Times are milliseconds since the epoch (with
 * fractions), where the API has nanoseconds.
 *
 * @typedef {object} Run
 * @property {string} identifier
 * @property {number | null} start  first point; without points null, or when it was stored
 * @property {number | null} end    last point; without points null, or when it was stored
 * @property {number} points
 * @property {Record<string, string>} tags
 * @property {"live" | "ended" | "died" | "ahead"} state
 *
 * @typedef {Run & {figures: Record<string, Estimate>}} ListedRun  figures by their ids
 *
 * @typedef {object} Series  one measure in a panel; what is shown is raw value x scale
 * @property {string} key
 * @property {string} label
 * @property {string} description
 * @property {number} scale
 *
 * @typedef {object} PanelDefinition
 * @property {string} id
 * @property {string} title
 * @property {string} unit  of Grafana, or any text
 * @property {Series[]} series
 * @property {string} [group]        what it stands under, which can be folded
 * @property {string} [description]  what it shows, in words
 * @property {"linear" | "log"} [axis]
 * @property {boolean} [chosen]  somebody chose its lines one by one: all are shown
 *
 * @typedef {object} Estimate  a number, and the bounds between which it lies
 * @property {number | null} value  null where it was not seen
 * @property {number | null} low    null where no bound is known
 * @property {number | null} high   null where no bound is known
 * @property {string} source
 * @property {string[]} flags
 *
 * @typedef {Estimate & {id: string, title: string, unit: string}} Figure
 *
 * @typedef {object} Details
 * @property {Record<string, unknown>} meta_data
 * @property {PanelDefinition[]} panels
 * @property {Figure[]} figures
 * @property {number[]} starts  when each of the runs of this name began
 * @property {{key: string, label: string, value: string}[]} texts
 * @property {{key: string, curve: string, value: number, sampled: number}[]} peaks
 *
 * @typedef {Run & Details} RunDetails
 *
 * @typedef {object} Mark
 * @property {number} time
 * @property {string} label
 *
 * @typedef {object} Curve  the values of one measure under one tag set, without holes
 * @property {string} key
 * @property {Record<string, string>} tags
 * @property {number[]} time  the first point of each bucket
 * @property {number[]} min
 * @property {number[]} max
 * @property {number[]} mean
 * @property {number[]} breaks  times of points before which there is a gap
 *
 * @typedef {object} Held  what has been fetched of a run
 * @property {number} start   of what was asked for
 * @property {number} stop    of what was asked for, not included
 * @property {number} bucket  length of a bucket, which begins at a multiple of it
 * @property {Curve[]} curves
 *
 * @typedef {object} Line  a curve as a panel draws it
 * @property {string} id
 * @property {Series} series
 * @property {string} label
 * @property {number[]} time
 * @property {number[]} min
 * @property {number[]} max
 * @property {number[]} mean
 * @property {number[]} breaks
 *
 * @typedef {object} Range
 * @property {number} from
 * @property {number} to
 *
 * @typedef {object} Frame  what all panels share when they draw
 * @property {Range} range
 * @property {Mark[]} marks
 * @property {number} offset   minutes to add to UTC
 * @property {import("./colors.js").Theme} theme
 * @property {boolean} latest  whether legends say the latest values
 * @property {Range[]} [gaps]  in which no sample was taken
 * @property {{curve: string, value: number}[]} [peaks]  that curves do not show
 * @property {boolean} [elapsed]  whether times count from something
 * @property {boolean} [log]   whether the axis of values is logarithmic
 *
 * @typedef {object} MeasureStatistics  in the unit that is shown
 * @property {string} key
 * @property {string} title       of its panel
 * @property {string} group       of its panel
 * @property {string} label
 * @property {string} unit
 * @property {number} scale
 * @property {number} min
 * @property {number} max
 * @property {number} mean
 * @property {number | null} total
 * @property {string} total_unit  "" where adding up means nothing
 *
 * @typedef {{run: RunDetails, marks: Mark[], measures: MeasureStatistics[]}} ComparedRun
 *
 * @typedef {object} Codename
 * @property {string} codename
 * @property {string} unit
 * @property {string} description
 * @property {number} scale
 * @property {number} start
 * @property {number} end
 * @property {number} points
 */
export {};
