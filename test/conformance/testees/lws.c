/* Echo server of libwebsockets, which prints its port. It compresses, and sends a message back in the parts that it came in. */

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What has come of a message, and what of it has been sent back: a part is read when the one before it has left. */
struct part {
	unsigned char *bytes;
	size_t length;
	int is_first, is_last, is_binary;
	struct part *next;
};

struct session {
	struct part *first, *last;
};

static int echo(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct session *session = user;
	struct part *part;
	int flags, result;

	switch (reason) {
	case LWS_CALLBACK_RECEIVE:
		part = calloc(1, sizeof *part);
		part->bytes = malloc(LWS_PRE + length + 1);
		memcpy(part->bytes + LWS_PRE, in, length);
		part->length = length;
		part->is_first = lws_is_first_fragment(wsi);
		part->is_last = lws_is_final_fragment(wsi);
		part->is_binary = lws_frame_is_binary(wsi);
		if (session->last)
			session->last->next = part;
		else
			session->first = part;
		session->last = part;
		lws_callback_on_writable(wsi);
		break;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		part = session->first;
		if (!part)
			break;
		flags = lws_write_ws_flags(part->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT, part->is_first, part->is_last);
		result = lws_write(wsi, part->bytes + LWS_PRE, part->length, flags);
		session->first = part->next;
		if (!session->first)
			session->last = NULL;
		free(part->bytes);
		free(part);
		if (result < 0)
			return -1;
		if (session->first)
			lws_callback_on_writable(wsi);
		break;
	case LWS_CALLBACK_CLOSED:
		while ((part = session->first)) {
			session->first = part->next;
			free(part->bytes);
			free(part);
		}
		break;
	default:
		break;
	}
	return 0;
}

static const struct lws_protocols protocols[] = {
	{ "default", echo, sizeof(struct session), 65536, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

static const struct lws_extension extensions[] = {
	{ "permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate; client_max_window_bits" },
	{ NULL, NULL, NULL },
};

int main(int count, char **words)
{
	struct lws_context_creation_info info;
	struct lws_context *context;

	if (count > 1 && !strcmp(words[1], "--version")) {
		puts(lws_get_library_version());
		return 0;
	}
	memset(&info, 0, sizeof info);
	lws_set_log_level(0, NULL);
	info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8;
	info.protocols = protocols;
	info.extensions = extensions;
	info.iface = "lo";
	info.port = 0;
	context = lws_create_context(&info);
	if (!context)
		return 1;
	printf("%d\n", lws_get_vhost_listen_port(lws_create_vhost(context, &info)));
	fflush(stdout);
	while (lws_service(context, 0) >= 0)
		;
	return 0;
}
