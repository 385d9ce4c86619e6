import { createRoot } from 'react-dom/client';
import 'uplot/dist/uPlot.min.css';
import './styles/base.css';
import './styles/strip.css';
import './styles/parts.css';
import { Page } from './page.tsx';

const root = document.getElementById('pipeline');
if (!root) throw new Error('pipeline.html has no element with the id "pipeline"');
createRoot(root).render(<Page />);
