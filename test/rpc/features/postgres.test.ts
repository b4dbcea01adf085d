import { postgresSubject } from '../../conformance/subjects/postgres.ts';
import { describeFeatures } from './index.ts';

describeFeatures(postgresSubject);
