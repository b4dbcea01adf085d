import { memorySubject } from '../../conformance/subjects/memory.ts';
import { describeFeatures } from './index.ts';

describeFeatures(memorySubject);
