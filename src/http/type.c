/* SPDX-License-Identifier: ISC */
/* The table of types. Names are those registered with IANA; text is taken for UTF-8. */
#include "usherd/http/type.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define UTF_8 "; charset=utf-8"
#define TEXT(ext, type)                                                                  \
	{                                                                                \
		ext, type UTF_8, true                                                    \
	}
#define MORE(ext, type)                                                                  \
	{                                                                                \
		ext, type, true                                                          \
	}
#define DONE(ext, type)                                                                  \
	{                                                                                \
		ext, type, false                                                         \
	}

/* clang-format off */
/* Ascending by extension. */
static const struct http_type types[] = {
	DONE("7z", "application/x-7z-compressed"),
	DONE("aac", "audio/aac"),
	TEXT("asc", "text/plain"),
	MORE("atom", "application/atom+xml"),
	DONE("avi", "video/x-msvideo"),
	DONE("avif", "image/avif"),
	MORE("bmp", "image/bmp"),
	DONE("bz2", "application/x-bzip2"),
	TEXT("c", "text/plain"),
	TEXT("conf", "text/plain"),
	TEXT("css", "text/css"),
	TEXT("csv", "text/csv"),
	DONE("deb", "application/vnd.debian.binary-package"),
	TEXT("diff", "text/plain"),
	DONE("doc", "application/msword"),
	DONE("docx",
	     "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
	DONE("epub", "application/epub+zip"),
	DONE("flac", "audio/flac"),
	DONE("gif", "image/gif"),
	DONE("gz", "application/gzip"),
	TEXT("h", "text/plain"),
	DONE("heic", "image/heic"),
	TEXT("htm", "text/html"),
	TEXT("html", "text/html"),
	MORE("ico", "image/vnd.microsoft.icon"),
	TEXT("ics", "text/calendar"),
	DONE("iso", "application/vnd.efi.iso"),
	DONE("jpeg", "image/jpeg"),
	DONE("jpg", "image/jpeg"),
	TEXT("js", "text/javascript"),
	MORE("json", "application/json"),
	MORE("jsonld", "application/ld+json"),
	DONE("jxl", "image/jxl"),
	TEXT("log", "text/plain"),
	DONE("m4a", "audio/mp4"),
	DONE("m4v", "video/mp4"),
	MORE("map", "application/json"),
	TEXT("md", "text/markdown"),
	DONE("mid", "audio/midi"),
	TEXT("mjs", "text/javascript"),
	DONE("mkv", "video/x-matroska"),
	DONE("mov", "video/quicktime"),
	DONE("mp3", "audio/mpeg"),
	DONE("mp4", "video/mp4"),
	DONE("mpeg", "video/mpeg"),
	DONE("odp", "application/vnd.oasis.opendocument.presentation"),
	DONE("ods", "application/vnd.oasis.opendocument.spreadsheet"),
	DONE("odt", "application/vnd.oasis.opendocument.text"),
	DONE("oga", "audio/ogg"),
	DONE("ogg", "audio/ogg"),
	DONE("ogv", "video/ogg"),
	DONE("opus", "audio/ogg"),
	MORE("otf", "font/otf"),
	TEXT("patch", "text/plain"),
	MORE("pdf", "application/pdf"),
	DONE("png", "image/png"),
	DONE("ppt", "application/vnd.ms-powerpoint"),
	DONE("pptx",
	     "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
	MORE("ps", "application/postscript"),
	DONE("rpm", "application/x-rpm"),
	MORE("rss", "application/rss+xml"),
	MORE("rtf", "application/rtf"),
	TEXT("sh", "text/plain"),
	TEXT("srt", "text/plain"),
	MORE("svg", "image/svg+xml"),
	MORE("tar", "application/x-tar"),
	DONE("tgz", "application/gzip"),
	DONE("tif", "image/tiff"),
	DONE("tiff", "image/tiff"),
	MORE("ttf", "font/ttf"),
	TEXT("txt", "text/plain"),
	TEXT("vcf", "text/vcard"),
	TEXT("vtt", "text/vtt"),
	MORE("wasm", "application/wasm"),
	DONE("wav", "audio/wav"),
	DONE("weba", "audio/webm"),
	DONE("webm", "video/webm"),
	MORE("webmanifest", "application/manifest+json"),
	DONE("webp", "image/webp"),
	DONE("woff", "font/woff"),
	DONE("woff2", "font/woff2"),
	MORE("xhtml", "application/xhtml+xml"),
	DONE("xls", "application/vnd.ms-excel"),
	DONE("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
	MORE("xml", "application/xml"),
	DONE("xz", "application/x-xz"),
	MORE("yaml", "application/yaml"),
	MORE("yml", "application/yaml"),
	DONE("zip", "application/zip"),
	DONE("zst", "application/zstd"),
};
/* clang-format on */

static const struct http_type unknown = { "", "application/octet-stream", false };

static int compare(const void *extension, const void *type)
{
	return strcasecmp(extension, ((const struct http_type *)type)->extension);
}

const struct http_type *http_type_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	const struct http_type *type = NULL;

	if (dot != NULL && dot != name)
		type = bsearch(dot + 1, types, sizeof(types) / sizeof(types[0]),
			       sizeof(types[0]), compare);
	return type != NULL ? type : &unknown;
}
