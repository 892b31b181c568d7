/** The daemon as a service of Windows: what its manager is told, and that it wants an end. */
import { type NativeService, runAsService } from '../../device/native-windows.js';
import type { Manager } from '../service-manager.js';

/** As src/service/windows.ts names it. */
const NAME = 'p2p';

export class WindowsService implements Manager {
  private constructor(
    private readonly service: NativeService,
    private readonly onProblem: (message: string) => void,
  ) {}

  /** Throws with the system's words if no manager has started this process. `onStop` hears that it's to end. */
  static begin(onStop: () => void, onProblem: (message: string) => void): WindowsService {
    return new WindowsService(runAsService(NAME, onStop), onProblem);
  }

  ready(): void {
    this.tell(() => this.service.ready());
  }

  stopping(): void {
    this.tell(() => this.service.stopping());
  }

  ended(code: number): void {
    this.tell(() => this.service.stopped(code));
  }

  private tell(what: () => void): void {
    try {
      what();
    } catch (error) {
      this.onProblem(error instanceof Error ? error.message : String(error));
    }
  }
}
