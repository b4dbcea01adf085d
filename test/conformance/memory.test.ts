import { describeStore } from './index.ts';
import { memorySubject } from './subjects/memory.ts';

describeStore(memorySubject);
