/* What a profiled session tells: a table per step, a trace file. */
#ifndef HML_PROFILE_REPORT_H
#define HML_PROFILE_REPORT_H

#include "json.h"
#include "workbench.h"

/* Steps with their share of the time, in program order; `peak` in GFLOP/s of one core, 0: unknown.
 */
void hml_profile_print(const hml_workbench *bench, const hml_step_profile *steps, double peak);

/* The same as the member "profile", an array of objects. */
void hml_profile_put(hml_json *json, const hml_workbench *bench, const hml_step_profile *steps,
                     double peak);

/* One run as a file for chrome://tracing and Perfetto. `steps` holds a single run. */
hml_status hml_trace_write(const hml_workbench *bench, const hml_step_profile *steps,
                           const char *path, hml_tool_error *error);

#endif
