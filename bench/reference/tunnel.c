/*
 * A yardstick, not a VPN: what one thread each way can carry on Linux with segmentation offload, and nothing else.
 *
 *   tunnel DEVICE PEER-IPv4 none|aes256gcm
 *
 * TAP with a virtio-net header -> pieces of CHUNK bytes -> one UDP_SEGMENT send -> UDP_GRO -> joined -> TAP. There is no
 * handshake, no peer table, no replay window; the key is the same everywhere; a frame that lacks a piece is forgotten.
 *
 * A datagram: struct header, in the sender's byte order; CHUNK bytes or, in a frame's last one, fewer; 16 bytes of tag.
 * With `none` the tag is there as well, but nobody computes or checks it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO 104
#endif
/* Linux 6.2; older headers don't have them. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

enum {
  PORT = 7777,
  VNET_HEADER = 10,
  TAG = 16,
  /* Full datagrams fill an MTU of 1500: 20 of IPv4, 8 of UDP, 16 of header, 16 of tag. */
  CHUNK = 1440,
  /* A virtio-net header, an Ethernet header with a VLAN tag, 64 KiB. */
  FRAME_MAX = VNET_HEADER + 18 + 65536,
  CHUNKS_MAX = FRAME_MAX / CHUNK + 1,
  /* The kernel takes 65,507 bytes of datagrams in one send. */
  SEGMENTS_MAX = 44,
  SOCKET_BUFFER = 8 << 20,
};

struct header {
  uint64_t counter; /* the nonce's first 8 bytes */
  uint32_t frame;
  uint16_t index, count;
};

enum { DATAGRAM = sizeof(struct header) + CHUNK + TAG };

static int tap, udp, ciphered;
static struct sockaddr_in peer;
static const unsigned char KEY[32] = "no secret: this is a yardstick";

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void open_tap(const char *device) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
  tap = open("/dev/net/tun", O_RDWR);
  if (tap < 0 || ioctl(tap, TUNSETIFF, &request) < 0) die(device);
  int size = VNET_HEADER;
  if (ioctl(tap, TUNSETVNETHDRSZ, &size) < 0) die("TUNSETVNETHDRSZ");
  unsigned long tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (ioctl(tap, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) == 0) return;
  if (ioctl(tap, TUNSETOFFLOAD, tcp) < 0) die("TUNSETOFFLOAD");
}

static void open_udp(const char *address) {
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  peer = own;
  if (inet_pton(AF_INET, address, &peer.sin_addr) != 1) die(address);
  udp = socket(AF_INET, SOCK_DGRAM, 0);
  if (udp < 0 || bind(udp, (struct sockaddr *)&own, sizeof own) < 0) die("bind");
  int on = 1, size = SOCKET_BUFFER;
  if (setsockopt(udp, SOL_UDP, UDP_GRO, &on, sizeof on) < 0) die("UDP_GRO");
  setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
}

static void nonce_of(const struct header *header, unsigned char nonce[12]) {
  memset(nonce, 0, 12);
  memcpy(nonce, &header->counter, sizeof header->counter);
}

static void seal(EVP_CIPHER_CTX *context, const struct header *header, const unsigned char *in, int length,
                 unsigned char *out) {
  unsigned char nonce[12];
  int written;
  nonce_of(header, nonce);
  EVP_EncryptInit_ex(context, NULL, NULL, NULL, nonce);
  EVP_EncryptUpdate(context, NULL, &written, (const unsigned char *)header, sizeof *header);
  EVP_EncryptUpdate(context, out, &written, in, length);
  EVP_EncryptFinal_ex(context, out + length, &written);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG, out + length);
}

/* 1 if it's genuine. */
static int open_sealed(EVP_CIPHER_CTX *context, const struct header *header, unsigned char *in, int length,
                       unsigned char *out) {
  unsigned char nonce[12];
  int written;
  nonce_of(header, nonce);
  EVP_DecryptInit_ex(context, NULL, NULL, NULL, nonce);
  EVP_DecryptUpdate(context, NULL, &written, (const unsigned char *)header, sizeof *header);
  EVP_DecryptUpdate(context, out, &written, in, length);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG, in + length);
  return EVP_DecryptFinal_ex(context, out + length, &written) == 1;
}

/* Sends datagrams that lie one behind the other, all of them DATAGRAM bytes but the last. */
static void send_datagrams(unsigned char *datagrams, int length) {
  char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
  struct iovec vector = {datagrams, length};
  struct msghdr message = {.msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &vector, .msg_iovlen = 1};
  if (length > DATAGRAM) {
    uint16_t segment = DATAGRAM;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *option = CMSG_FIRSTHDR(&message);
    option->cmsg_level = SOL_UDP;
    option->cmsg_type = UDP_SEGMENT;
    option->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(option), &segment, sizeof segment);
  }
  if (sendmsg(udp, &message, 0) < 0 && errno != ECONNREFUSED) perror("sendmsg");
}

static void *transmit(void *unused) {
  static unsigned char frame[FRAME_MAX], datagrams[CHUNKS_MAX * DATAGRAM];
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, KEY, NULL);
  struct header header = {0};
  for (;;) {
    int size = read(tap, frame, sizeof frame);
    if (size <= 0) die("reading the TAP");
    header.frame++;
    header.count = (size + CHUNK - 1) / CHUNK;
    unsigned char *end = datagrams;
    for (header.index = 0; header.index < header.count; header.index++) {
      int at = header.index * CHUNK, length = size - at < CHUNK ? size - at : CHUNK;
      header.counter++;
      memcpy(end, &header, sizeof header);
      end += sizeof header;
      if (ciphered) seal(context, &header, frame + at, length, end);
      else memcpy(end, frame + at, length);
      end += length + TAG;
    }
    for (unsigned char *from = datagrams; from < end; from += SEGMENTS_MAX * DATAGRAM)
      send_datagrams(from, end - from < SEGMENTS_MAX * DATAGRAM ? end - from : SEGMENTS_MAX * DATAGRAM);
  }
  return unused;
}

/* The frame that is being joined. */
static struct {
  uint32_t id;
  int pieces, size;
  unsigned char bytes[CHUNKS_MAX * CHUNK + TAG];
} joined;

static void join(EVP_CIPHER_CTX *context, unsigned char *datagram, int size) {
  struct header header;
  int length = size - (int)sizeof header - TAG;
  if (length < 0 || length > CHUNK) return;
  memcpy(&header, datagram, sizeof header);
  if (header.count > CHUNKS_MAX || header.index >= header.count) return;
  if (header.frame != joined.id) {
    joined.id = header.frame;
    joined.pieces = joined.size = 0;
  }
  unsigned char *to = joined.bytes + header.index * CHUNK;
  if (!ciphered) memcpy(to, datagram + sizeof header, length);
  else if (!open_sealed(context, &header, datagram + sizeof header, length, to)) return;
  joined.pieces++;
  joined.size += length;
  if (joined.pieces < header.count) return;
  /* A device that isn't up yet, or a full queue: lost, as on a wire. */
  if (write(tap, joined.bytes, joined.size) < 0 && errno != EIO && errno != ENOBUFS) perror("writing the TAP");
}

static void receive(void) {
  static unsigned char datagrams[65536];
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, KEY, NULL);
  for (;;) {
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec vector = {datagrams, sizeof datagrams};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int size = recvmsg(udp, &message, 0), segment = size;
    if (size < 0) continue;
    struct cmsghdr *option = CMSG_FIRSTHDR(&message);
    if (option != NULL && option->cmsg_level == SOL_UDP && option->cmsg_type == UDP_GRO)
      memcpy(&segment, CMSG_DATA(option), sizeof segment);
    for (int at = 0; at < size; at += segment) join(context, datagrams + at, size - at < segment ? size - at : segment);
  }
}

int main(int count, char **arguments) {
  if (count != 4 || (strcmp(arguments[3], "none") != 0 && strcmp(arguments[3], "aes256gcm") != 0)) {
    fprintf(stderr, "usage: tunnel DEVICE PEER-IPv4 none|aes256gcm\n");
    return 2;
  }
  ciphered = strcmp(arguments[3], "none") != 0;
  open_tap(arguments[1]);
  open_udp(arguments[2]);
  pthread_t thread;
  if (pthread_create(&thread, NULL, transmit, NULL) != 0) die("pthread_create");
  receive();
}
