import { memorySubject } from '../conformance/subjects/memory.ts';
import { describeHistories } from './index.ts';

describeHistories(memorySubject, 1_500);
