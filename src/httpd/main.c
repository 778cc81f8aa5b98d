/* SPDX-License-Identifier: ISC */
/* usherd-http: the worker for services that speak HTTP, started by usherd(8). */
#include "usherd/conf/load.h"
#include "usherd/httpd/httpd.h"
#include "usherd/serve/handover.h"

int main(int argc, char *argv[])
{
	return handover_serve(argc, argv, conf_recall, httpd_find);
}
