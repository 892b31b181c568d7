/*
 * Preloaded, makes sending as it is where a message can't be cut into datagrams (UDP_SEGMENT): EIO, which Linux gives where a
 * card computes no checksums (before 6.11) or where IPsec transforms what is sent. Kernels for tests have neither.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static int is_cut(struct msghdr *message) {
  for (struct cmsghdr *option = CMSG_FIRSTHDR(message); option != NULL; option = CMSG_NXTHDR(message, option))
    if (option->cmsg_level == IPPROTO_UDP && option->cmsg_type == UDP_SEGMENT) return 1;
  return 0;
}

int sendmmsg(int socket, struct mmsghdr *messages, unsigned int count, int flags) {
  int (*send)(int, struct mmsghdr *, unsigned int, int) = dlsym(RTLD_NEXT, "sendmmsg");
  unsigned int whole = 0;
  while (whole < count && !is_cut(&messages[whole].msg_hdr)) whole++;
  if (whole == 0 && count > 0) {
    errno = EIO;
    return -1;
  }
  /* Like the kernel: those before the one that fails are sent. */
  return send(socket, messages, whole, flags);
}
