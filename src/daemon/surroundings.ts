/** This machine's addresses and default routes, and word of their changes: from the kernel's files, or from programs that are asked. */
import { watchAddresses } from '../device/native.js';
import { localAddresses } from '../discovery/addresses.js';
import { forwards } from '../discovery/forwarding.js';
import { routeOf, routeOf6 } from '../discovery/look/found.js';
import type { Looker } from '../discovery/look/looker.js';
import { defaultRoute, defaultRoute6 } from '../discovery/port-mapping/routes.js';
import type { Host } from './host.js';

export type Surroundings = Pick<
  Host,
  'localAddresses' | 'defaultRoute' | 'defaultRoute6' | 'forwards' | 'watchAddresses'
>;

export const readSurroundings: Surroundings = {
  localAddresses,
  defaultRoute,
  defaultRoute6,
  forwards,
  watchAddresses,
};

/** As of the last look. Of a change is told at once, and again when it has been looked at. */
export function askedSurroundings(looker: Looker): Surroundings {
  return {
    localAddresses: (exclude) => localAddresses(exclude, looker.found.flags),
    defaultRoute: (addresses) => routeOf(looker.found, addresses),
    defaultRoute6: (addresses) => routeOf6(looker.found, addresses),
    forwards: (family) => looker.found.forwards[family],
    watchAddresses: (onChange) => {
      let isClosed = false;
      const tell = () => {
        if (!isClosed) onChange();
      };
      const watch = watchAddresses(() => {
        tell(); // Node itself knows the addresses at once, and PowerShell takes seconds
        void looker.look().then(tell);
      });
      return {
        close: () => {
          isClosed = true;
          watch.close();
        },
      };
    },
  };
}
