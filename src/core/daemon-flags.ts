/** Flags of `p2p daemon` that were given, on the command line or in the environment: what the command line hands to the daemon. */
export interface DaemonFlags {
  readonly state?: string;
  readonly socket?: string;
  readonly config?: string;
  readonly noLan?: boolean;
  readonly noPortMapping?: boolean;
  readonly dht?: string;
  readonly dhtListen?: string;
  readonly log?: string;
  readonly logFormat?: string;
  readonly syslog?: boolean;
  readonly logFile?: string;
  /** Windows' service control manager has started it. */
  readonly asService?: true;
  readonly metrics?: string;
  readonly profile?: string;
  readonly profileDir?: string;
  readonly save?: string;
  readonly useRelay?: readonly string[];
  /** True: at its usual port. */
  readonly relay?: string | true;
  /** False: no TLS. */
  readonly relayTls?: string | boolean;
  readonly proxy?: string;
  readonly relayOffer?: boolean;
  /** True: the system's. */
  readonly hosts?: string | true;
}
