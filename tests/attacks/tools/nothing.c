/* Does nothing: stands in for a program whose work nobody wants done here. */
int main(void)
{
	return 0;
}
