/* SPDX-License-Identifier: ISC */
/* Runs a fuzz target over files and folders of inputs, without libFuzzer: how every test
 * run replays the corpora. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_SIZE_MAX ((size_t)4 * 1024 * 1024)

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_SIZE_MAX);
	if (file == NULL || data == NULL) {
		perror(path);
		free(data);
		if (file != NULL)
			(void)fclose(file);
		return -1;
	}
	size_t size = fread(data, 1, INPUT_SIZE_MAX, file);
	/* An exact copy, so that reading past the end is seen by a sanitizer. */
	uint8_t *exact = malloc(size > 0 ? size : 1);
	if (exact != NULL) {
		memcpy(exact, data, size);
		(void)LLVMFuzzerTestOneInput(exact, size);
	}
	free(exact);
	free(data);
	(void)fclose(file);
	return 0;
}

static int replay_folder(const char *path, unsigned *count)
{
	DIR *folder = opendir(path);
	if (folder == NULL) {
		perror(path);
		return -1;
	}
	int result = 0;
	const struct dirent *entry;
	while ((entry = readdir(folder)) != NULL) {
		char file[4096];
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (replay_file(file) == -1)
			result = -1;
		++*count;
	}
	(void)closedir(folder);
	return result;
}

int main(int count, char **arguments)
{
	unsigned replayed = 0;
	int result = EXIT_SUCCESS;
	for (int i = 1; i < count; i++) {
		struct stat status;
		int done;
		if (stat(arguments[i], &status) == 0 && S_ISDIR(status.st_mode)) {
			done = replay_folder(arguments[i], &replayed);
		} else {
			done = replay_file(arguments[i]);
			replayed++;
		}
		if (done == -1)
			result = EXIT_FAILURE;
	}
	if (replayed == 0)
		result = EXIT_FAILURE;
	(void)printf("%u inputs\n", replayed);
	return result;
}
