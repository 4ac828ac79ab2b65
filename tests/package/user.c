/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest program that uses the runtime: its version, and a model that is not there. */
#include <hml/hml.h>
#include <stdio.h>

int main(void)
{
    hml_model *model = NULL;
    printf("%s\n", hml_version());
    return hml_model_open("/nonexistent.hml", NULL, &model) == HML_ERROR_file_unreadable ? 0 : 1;
}
